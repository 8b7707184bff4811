"""The event store: violations, their transitions, and how many people wore masks in each minute."""
