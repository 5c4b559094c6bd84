"""What keeps an installation going: the files of its first start, the doctor, backups."""
