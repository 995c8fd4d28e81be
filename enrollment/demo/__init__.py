"""The demo's township, made up whole: pure values, no database, no clock, the same for the same seed and day."""
