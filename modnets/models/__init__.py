"""One network each: ordinary torch.nn.Module."""
