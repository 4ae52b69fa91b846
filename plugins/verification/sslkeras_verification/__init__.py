"""Tasks for sslkeras that ask where a part belongs and in which order something happened."""
