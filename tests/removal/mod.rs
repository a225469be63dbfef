//! Taking a node away: the judgement as cases, the scripts in every shell, the steps against imagined hands and a real TLS server.

mod cases;
mod reach;
mod run;
mod scripts;
