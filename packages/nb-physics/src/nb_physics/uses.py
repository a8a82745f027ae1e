"""What a tensor of a scene is used for: metadata of its field, said where that is declared."""

SINGLE = {"single": True}
"""float32 holds it, or it comes in after the phases."""

FIXED = {"fixed": True}
"""Nothing is derived by it."""
