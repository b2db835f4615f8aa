"""What `mfa doctor` looks at; each module returns findings."""
