"""Works that a study rests on, as they are cited: those of the packages are what the packages ask to be cited."""

from collections.abc import Iterable
from typing import NamedTuple


class Work(NamedTuple):
    """A work: how a text cites it, what kind of entry it is in BibTeX, and the fields of that."""

    cited: str
    kind: str
    fields: dict[str, str]


def _article(cited: str, author: str, title: str, journal: str, year: int, **fields: str) -> Work:
    return Work(cited, "article", {"author": author, "title": title, "journal": journal, "year": str(year)} | fields)


WORKS = {
    "bambi": _article(
        "Capretto et al. 2022",
        "Capretto, Tomás and Piho, Camen and Kumar, Ravin and Westfall, Jacob and Yarkoni, Tal and Martin, Osvaldo A.",
        "{Bambi}: A Simple Interface for Fitting {Bayesian} Linear Models in {Python}",
        "Journal of Statistical Software",
        2022,
        volume="103",
        number="15",
        pages="1--29",
        doi="10.18637/jss.v103.i15",
    ),
    "pymc": _article(
        "Abril-Pla et al. 2023",
        "Abril-Pla, Oriol and Andreani, Virgile and Carroll, Colin and Dong, Larry and Fonnesbeck, Christopher J. and "
        "Kochurov, Maxim and Kumar, Ravin and Lao, Junpeng and Luhmann, Christian C. and Martin, Osvaldo A. and "
        "Osthege, Michael and Vieira, Ricardo and Wiecki, Thomas and Zinkov, Robert",
        "{PyMC}: A Modern and Comprehensive Probabilistic Programming Framework in {Python}",
        "PeerJ Computer Science",
        2023,
        volume="9",
        pages="e1516",
        doi="10.7717/peerj-cs.1516",
    ),
    "arviz": _article(
        "Martin et al. 2026",
        "Martin, Osvaldo A. and Abril-Pla, Oriol and Deklerk, Jordan and Axen, Seth D. and Carroll, Colin and "
        "Hartikainen, Ari and Vehtari, Aki",
        "{ArviZ}: a modular and flexible library for exploratory analysis of {Bayesian} models",
        "Journal of Open Source Software",
        2026,
        volume="11",
        number="119",
        pages="9889",
        doi="10.21105/joss.09889",
    ),
    "numba": Work(
        "Lam, Pitrou & Seibert 2015",
        "inproceedings",
        {
            "author": "Lam, Siu Kwan and Pitrou, Antoine and Seibert, Stanley",
            "title": "{Numba}: a {LLVM}-based {Python} {JIT} compiler",
            "booktitle": "Proceedings of the Second Workshop on the LLVM Compiler Infrastructure in HPC",
            "year": "2015",
            "pages": "1--6",
            "doi": "10.1145/2833157.2833162",
        },
    ),
    "numpy": _article(
        "Harris et al. 2020",
        "Harris, Charles R. and Millman, K. Jarrod and van der Walt, Stéfan J. and Gommers, Ralf and Virtanen, Pauli "
        "and Cournapeau, David and Wieser, Eric and Taylor, Julian and Berg, Sebastian and Smith, Nathaniel J. and "
        "Kern, Robert and Picus, Matti and Hoyer, Stephan and van Kerkwijk, Marten H. and Brett, Matthew and Haldane, "
        "Allan and Fernández del Río, Jaime and Wiebe, Mark and Peterson, Pearu and Gérard-Marchant, Pierre and "
        "Sheppard, Kevin and Reddy, Tyler and Weckesser, Warren and Abbasi, Hameer and Gohlke, Christoph and Oliphant, "
        "Travis E.",
        "Array programming with {NumPy}",
        "Nature",
        2020,
        volume="585",
        pages="357--362",
        doi="10.1038/s41586-020-2649-2",
    ),
    "xarray": _article(
        "Hoyer & Hamman 2017",
        "Hoyer, Stephan and Hamman, Joe",
        "xarray: {N-D} labeled arrays and datasets in {Python}",
        "Journal of Open Research Software",
        2017,
        volume="5",
        number="1",
        pages="10",
        doi="10.5334/jors.148",
    ),
    "snakemake": _article(
        "Mölder et al. 2021",
        "Mölder, Felix and Jablonski, Kim Philipp and Letcher, Brice and Hall, Michael B. and Tomkins-Tinch, "
        "Christopher H. and Sochat, Vanessa and Forster, Jan and Lee, Soohyun and Twardziok, Sven O. and Kanitz, "
        "Alexander and Wilm, Andreas and Holtgrewe, Manuel and Rahmann, Sven and Nahnsen, Sven and Köster, Johannes",
        "Sustainable data analysis with {Snakemake}",
        "F1000Research",
        2021,
        volume="10",
        pages="33",
        doi="10.12688/f1000research.29032.2",
    ),
    "nuts": _article(
        "Hoffman & Gelman 2014",
        "Hoffman, Matthew D. and Gelman, Andrew",
        "The {No-U-Turn} sampler: adaptively setting path lengths in {Hamiltonian} {Monte} {Carlo}",
        "Journal of Machine Learning Research",
        2014,
        volume="15",
        number="47",
        pages="1593--1623",
    ),
    "lkj": _article(
        "Lewandowski, Kurowicka & Joe 2009",
        "Lewandowski, Daniel and Kurowicka, Dorota and Joe, Harry",
        "Generating random correlation matrices based on vines and extended onion method",
        "Journal of Multivariate Analysis",
        2009,
        volume="100",
        number="9",
        pages="1989--2001",
        doi="10.1016/j.jmva.2009.04.008",
    ),
    "rhat": _article(
        "Vehtari et al. 2021",
        "Vehtari, Aki and Gelman, Andrew and Simpson, Daniel and Carpenter, Bob and Bürkner, Paul-Christian",
        "Rank-normalization, folding, and localization: an improved {R-hat} for assessing convergence of {MCMC}",
        "Bayesian Analysis",
        2021,
        volume="16",
        number="2",
        pages="667--718",
        doi="10.1214/20-BA1221",
    ),
    "ebfmi": Work(
        "Betancourt 2016",
        "misc",
        {
            "author": "Betancourt, Michael",
            "title": "Diagnosing suboptimal cotangent disintegrations in {Hamiltonian} {Monte} {Carlo}",
            "year": "2016",
            "eprint": "1604.00695",
            "archiveprefix": "arXiv",
        },
    ),
    "psis": _article(
        "Vehtari et al. 2024",
        "Vehtari, Aki and Simpson, Daniel and Gelman, Andrew and Yao, Yuling and Gabry, Jonah",
        "Pareto smoothed importance sampling",
        "Journal of Machine Learning Research",
        2024,
        volume="25",
        number="72",
        pages="1--58",
    ),
    "loo": _article(
        "Vehtari, Gelman & Gabry 2017",
        "Vehtari, Aki and Gelman, Andrew and Gabry, Jonah",
        "Practical {Bayesian} model evaluation using leave-one-out cross-validation and {WAIC}",
        "Statistics and Computing",
        2017,
        volume="27",
        number="5",
        pages="1413--1432",
        doi="10.1007/s11222-016-9696-4",
    ),
    "power_scaling": _article(
        "Kallioinen et al. 2024",
        "Kallioinen, Noa and Paananen, Topi and Bürkner, Paul-Christian and Vehtari, Aki",
        "Detecting and diagnosing prior and likelihood sensitivity with power-scaling",
        "Statistics and Computing",
        2024,
        volume="34",
        number="1",
        pages="57",
        doi="10.1007/s11222-023-10366-5",
    ),
    "r2": _article(
        "Gelman et al. 2019",
        "Gelman, Andrew and Goodrich, Ben and Gabry, Jonah and Vehtari, Aki",
        "R-squared for {Bayesian} regression models",
        "The American Statistician",
        2019,
        volume="73",
        number="3",
        pages="307--309",
        doi="10.1080/00031305.2018.1549100",
    ),
    "icc": _article(
        "Nakagawa, Johnson & Schielzeth 2017",
        "Nakagawa, Shinichi and Johnson, Paul C. D. and Schielzeth, Holger",
        "The coefficient of determination {R2} and intra-class correlation coefficient from generalized linear "
        "mixed-effects models revisited and expanded",
        "Journal of the Royal Society Interface",
        2017,
        volume="14",
        number="134",
        pages="20170213",
        doi="10.1098/rsif.2017.0213",
    ),
}


def bibliography(keys: Iterable[str]) -> str:
    """The BibTeX entries of some works, in order of the alphabet."""
    return "\n".join(_entry(key, WORKS[key]) for key in sorted(keys))


def _entry(key: str, work: Work) -> str:
    fields = "".join(f"  {name} = {{{value}}},\n" for name, value in work.fields.items())
    return f"@{work.kind}{{{key},\n{fields}}}\n"
