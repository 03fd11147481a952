"""What every job needs: its log, whole files, time and memory, fingerprints, resources."""
