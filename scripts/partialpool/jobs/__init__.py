"""What every job needs: its log, files that are whole, fingerprints, resources."""
