"""What both example servers share: memory that expires, browser sessions, page rules, serving."""
