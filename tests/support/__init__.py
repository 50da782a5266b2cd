"""What the tests share: real processes, and small objects to speak with them."""
