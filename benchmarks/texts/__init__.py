"""How fast texts are delivered, and what that costs those who book and move visits meanwhile."""
