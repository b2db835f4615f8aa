"""Plays the whole job over HTTP: service, authorization server, shop, phone and a browser."""
