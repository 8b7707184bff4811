"""Trained networks to files that other libraries run. Needs PyTorch."""
