"""Many sites, one place: what an event store has is forwarded to a central one, over outages and crashes."""
