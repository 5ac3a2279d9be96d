"""What takes the training steps: machine code, eager operations, a CUDA graph, a plain loop."""
