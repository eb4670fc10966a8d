"""Who really delivers: arrival by account, carrier and hour, and an alarm when it drops (docs/arrival.md)."""
