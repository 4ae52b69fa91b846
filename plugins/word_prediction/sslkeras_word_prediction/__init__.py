"""Tasks for sslkeras that predict next, missing, surrounding and masked words."""
