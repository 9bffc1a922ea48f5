"""What every room uses: checks of parameters, parallel work, progress."""
