"""What each command does, whichever way it came in: REST and WebSocket call the same functions."""
