"""A shop that asks for a stronger sign-in when it matters, and checks what it gets."""
