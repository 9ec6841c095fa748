"""Operations of the verification service (PNVS): codes that the platform makes and checks."""
