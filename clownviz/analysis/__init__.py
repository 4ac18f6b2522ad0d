"""From a tape to facts: pure functions that draw nothing."""
