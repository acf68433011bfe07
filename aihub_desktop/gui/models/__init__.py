"""What the views show. Private to them: a model holds rows, never a widget."""
