"""What services say to each other: topics, messages, moods, and generated protobuf code."""
