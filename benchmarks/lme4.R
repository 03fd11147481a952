# lme4: the point estimate alone. Arguments: data (columns unit, time, outcome as doubles), number of rows, out.csv.
arguments <- commandArgs(TRUE)
suppressPackageStartupMessages(library(lme4))
data <- matrix(readBin(arguments[1], "double", 3 * as.numeric(arguments[2])), ncol = 3)
data <- data.frame(id = data[, 1], week = data[, 2], y = data[, 3])
seconds <- system.time(lmer(y ~ 1 + week + (1 + week | id), data))[["elapsed"]]
write.csv(data.frame(case = arguments[4], measure = "fit", value = seconds), arguments[3], row.names = FALSE)
