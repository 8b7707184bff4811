"""Mask classifiers."""
