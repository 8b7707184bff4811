"""The training module of maskcam; used from a checkout, not part of the wheel."""
