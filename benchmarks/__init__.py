"""How fast the product is, side by side with bare ones in one run. README.md says how to read it."""
