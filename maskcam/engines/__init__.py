"""What runs a network that was exported: one file per library."""
