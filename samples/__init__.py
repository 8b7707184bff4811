"""The demo video and stills, and the script that makes them (not part of the wheel)."""
