"""Messages to others, kept on disk until their receivers have taken them."""
