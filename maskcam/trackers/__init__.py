"""Trackers: one identity per face, from frame to frame."""
