"""How the expression model is made: data, network, training, export, evaluation. No service imports this."""
