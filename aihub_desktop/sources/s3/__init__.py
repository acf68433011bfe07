"""Object storage that speaks S3: what is asked, signed, and what the answers mean."""
