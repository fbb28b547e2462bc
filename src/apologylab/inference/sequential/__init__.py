"""Looking early: how often data may be read before the end, and what each reading then costs.

Two ways, each with its own proof (R30):

* **group sequential**: a bounded number of looks, each of which spends a part of alpha
  (:mod:`.spending`, :mod:`.boundaries`, :mod:`.repeated`);
* **confidence sequences**: any number of looks at any time, with wider intervals
  (:mod:`.mixture`).
"""
