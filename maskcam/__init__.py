"""Watches cameras for face masks: who wears one, who does not, who wears it wrong."""

__version__ = "0.1.0"
