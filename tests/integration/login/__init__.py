"""The login issuer: believed with bounds, and its users at `/v1/me`."""
