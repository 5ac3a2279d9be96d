"""Many runs: planned, trained by executors, stored, resumed, watched."""
