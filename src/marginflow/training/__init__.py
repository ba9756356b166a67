"""Live training of real models, in the frameworks in which they are trained.

`training.torch` has the losses of this package for PyTorch, which `pip install 'marginflow[torch]'`
brings; `training.sklearn` has estimators for scikit-learn.  A framework is imported with its own
subpackage only.
"""
