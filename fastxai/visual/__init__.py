"""Pictures of explanations: the room of the image helpers, `fastxai.visual.cv`."""
