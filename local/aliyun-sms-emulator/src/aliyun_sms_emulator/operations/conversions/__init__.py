"""Operations that report how many one-time codes were used, which are feedback and send nothing."""
