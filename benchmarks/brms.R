# brms: fits one after another, and leave-one-out cross-validation of each. Their Stan programs and data are kept too.
# Arguments: data.csv, models.csv (a row for each prior of each model), out.csv, cores, folder of the programs.
arguments <- commandArgs(TRUE)
suppressPackageStartupMessages(library(brms))
# Debian's rstan takes Boost from the system.
if (!nzchar(system.file("include", package = "BH"))) rstan::rstan_options(boost_lib = "/usr/include")

models <- read.csv(arguments[2])
data <- read.csv(arguments[1])
data[[models$unit[1]]] <- factor(data[[models$unit[1]]])

measured <- NULL
keep <- function(case, measure, value) measured <<- rbind(measured, data.frame(case, measure, value))
elapsed <- function(expression) system.time(expression)[["elapsed"]]

fits <- list()
for (name in unique(models$model)) {
  rows <- models[models$model == name, ]
  priors <- Reduce(`+`, Map(function(prior, class) set_prior(prior, class = class), rows$prior, rows$class))
  first <- rows[1, ]
  seconds <- elapsed(fits[[name]] <- brm(
    as.formula(first$formula), data,
    prior = priors, chains = first$chains, warmup = first$warmup, iter = first$warmup + first$draws,
    cores = as.integer(arguments[4]), seed = first$seed, refresh = 0
  ))
  keep(name, "seconds", seconds)

  program <- file.path(arguments[5], name)
  writeLines(stancode(fits[[name]]), paste0(program, ".stan"))
  data_of_program <- jsonlite::toJSON(unclass(standata(fits[[name]])), auto_unbox = TRUE, digits = NA)
  writeLines(data_of_program, paste0(program, ".json"))

  keep(name, "sampling, CPU s", sum(rstan::get_elapsed_time(fits[[name]]$fit)))
  keep(name, "divergences", sum(subset(nuts_params(fits[[name]]), Parameter == "divergent__")$Value))
  for (sd in grep("^sd_", variables(fits[[name]]), value = TRUE)) {
    ess <- posterior::ess_bulk(posterior::extract_variable_matrix(fits[[name]], sd))
    keep(name, sub("^sd_.*__(.*)$", "ESS sd(\\1)", sd), ess)
  }
}
keep("LOO", "seconds", elapsed(for (fit in fits) loo(fit)))
write.csv(measured, arguments[3], row.names = FALSE)
