"""Sheets that offices hand in and take away: bytes in, rows out; rows in, bytes out."""
