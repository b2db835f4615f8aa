"""What a flow costs, measured side by side with a bare view in the same run."""
