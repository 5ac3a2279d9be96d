"""How operations of a traced graph become tensors of the IR, by their names in torch's aten."""
