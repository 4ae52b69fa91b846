"""Autoencoder, denoising autoencoder and image restoration for sslkeras."""
