"""What a camera, a file or a folder really delivers, as against what it says of itself, and what to change."""
