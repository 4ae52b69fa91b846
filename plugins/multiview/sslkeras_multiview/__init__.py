"""Tasks that learn from several views of a scene, for sslkeras."""
