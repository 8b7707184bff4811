"""Where results go: windows, recordings, logs."""
