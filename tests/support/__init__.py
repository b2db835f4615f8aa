"""What tests share: real servers to talk to, and fakes of the ports."""
