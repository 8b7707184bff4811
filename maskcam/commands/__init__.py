"""The subcommands of `maskcam`, one per file."""
