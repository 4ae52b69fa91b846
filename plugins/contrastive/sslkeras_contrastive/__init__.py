"""Contrastive tasks for sslkeras."""
