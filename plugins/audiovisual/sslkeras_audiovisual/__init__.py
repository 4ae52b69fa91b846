"""Audio-visual correspondence for sslkeras."""
