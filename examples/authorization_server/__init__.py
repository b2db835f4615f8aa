"""An OpenID Connect server on Authlib and Flask whose second factor is the step-up service."""
